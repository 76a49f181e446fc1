"""The numbers worked out in the llm guides, recomputed."""

from math import ceil, exp, log, sqrt

import pytest
from scipy.stats import binomtest, norm

from tests.corpus.guides import says


def margin(share: float, n: int) -> float:
    """Half the width of the 95% interval of a share, in points."""
    return 196 * sqrt(share * (1 - share) / n)


def test_memory_of_an_embedding_table() -> None:
    parameters = 128_000 * 4096
    assert round(parameters / 1e6) == 524 and round(parameters * 2 / 1e9, 2) == 1.05
    says("llm/tokenisation-and-embeddings", "524 million parameters, which is 1.05 GB in 16-bit precision")


def test_tokens_of_a_thousand_words_and_memory_of_a_million_vectors() -> None:
    assert round(1000 / 0.75, -2) == 1300 and round(1e6 * 768 * 4 / 1e9, 2) == 3.07
    says("llm/tokenisation-and-embeddings", "1,000 words are roughly 1,300 tokens", "3.07 GB at 768 dimensions in float32")


def test_brute_force_scan_of_a_million_vectors() -> None:
    gigabytes = 1e6 * 768 * 4 / 1e9
    assert round(gigabytes / 50 * 1000) == 61 and 1e6 * 768 == 768e6
    says("llm/vector-indexes", "one million vectors of 768 dimensions cost 768 million", "one scan takes about 61 ms")


def test_memory_of_hnsw_and_product_quantisation() -> None:
    graph, codes = 768 * 4 + 8 * 16, 96 + 8
    assert graph == 3200 and round(1e6 * graph / 1e9, 1) == 3.2 and 768 * 4 / 96 == 32
    assert (1e8 * graph / 1e9, 1e8 * codes / 1e9) == (320, 10.4)
    says(
        "llm/vector-indexes",
        "float32 vectors need 3.2 GB",
        "a compression of 32 times",
        "about 320 GB of memory while IVF-PQ needs about 10.4 GB",
    )


def test_sizing_of_a_twenty_million_vector_index() -> None:
    raw, links, compact = (20e6 * size / 1e9 for size in (4096, 8 * 32, 1024))
    assert (round(raw, 1), round(links, 1), round(raw + links, 1)) == (81.9, 5.1, 87.0)
    assert (round(compact, 1), round(compact + links, 1), round(2 * (compact + links), 1)) == (20.5, 25.6, 51.2)
    assert 1000 / (1000 / 5) == 5
    says(
        "llm/vector-indexes",
        "which is 81.9 GB",
        "for a total of 87.0 GB",
        "the graph needs 25.6 GB",
        "to 51.2 GB",
        "need 5 cores",
    )


def test_price_and_delay_of_a_long_prompt_against_retrieval() -> None:
    long, short = 200_000 * 3 / 1e6, 5000 * 3 / 1e6
    assert (long, short) == (0.6, 0.015) and round(long / short) == 40
    assert (round(20_000 * long), round(20_000 * short)) == (12_000, 300) and 200_000 / 10_000 == 20
    says(
        "llm/prompting-rag-or-fine-tuning",
        "0.60 dollars a question, while 5,000 retrieved tokens cost 0.015 dollars, a factor of 40",
    )
    says("llm/prompting-rag-or-fine-tuning", "12,000 dollars against 300 dollars", "200,000 tokens take 20 seconds to read")


def test_payback_of_fine_tuning_for_shorter_prompts() -> None:
    saved = (2500 - 300) * 200_000 / 1e6
    assert saved == 440 and round(6000 / saved, 1) == 13.6
    assert round(saved * 0.1) == 44 and round(6000 / (saved * 0.1)) == 136
    says(
        "llm/prompting-rag-or-fine-tuning",
        "440 million tokens or 440 dollars a month",
        "13.6 months",
        "cost 44 dollars a month",
        "136 months",
    )


def test_margin_of_a_hundred_prompt_cases() -> None:
    assert round(margin(0.8, 100)) == 8
    says("llm/prompting-rag-or-fine-tuning", "a margin of about 8 points")


@pytest.mark.parametrize(("temperature", "top"), [(1, 0.67), (0.5, 0.87), (2, 0.51)])
def test_probability_of_the_top_token_at_three_temperatures(temperature: float, top: float) -> None:
    weights = [exp(logit / temperature) for logit in (2, 1, 0)]
    assert round(weights[0] / sum(weights), 2) == top
    says("llm/prompting-rag-or-fine-tuning", "0.67 at temperature 1, 0.87 at 0.5 and 0.51 at 2")


def test_size_of_a_low_rank_update() -> None:
    assert (4096**2, 8 * (4096 + 4096)) == (16_777_216, 65_536) and round(100 * 65_536 / 4096**2, 2) == 0.39
    says("llm/lora-and-fine-tuning", "holds 16.8 million weights; its LoRA update at rank 8 holds 65,536, which is 0.39%")


def test_memory_of_full_and_low_rank_fine_tuning() -> None:
    trained = 32 * 16 * (4 * (4096 + 4096) + 3 * (4096 + 11_008))
    assert (7 * 16, 7 * 2, 7 / 2) == (112, 14, 3.5)
    assert (round(trained / 1e6, 1), round(100 * trained / 6.74e9, 1), round(trained * 16 / 1e9, 2)) == (40.0, 0.6, 0.64)
    assert round(14 + trained * 16 / 1e9) == 15
    says(
        "llm/lora-and-fine-tuning",
        "needs about 112 GB before activations, LoRA about 15 GB",
        "40.0 million parameters (0.6%)",
        "0.64 GB",
    )


def test_memory_of_a_hundred_adapters() -> None:
    assert 40e6 * 2 / 1e6 == 80 and 100 * 80 / 1000 == 8
    says("llm/lora-and-fine-tuning", "an 80 MB file at 16 bits, so 100 customers need 8 GB")


def test_preference_predicted_by_a_reward_gap() -> None:
    assert [round(100 / (1 + exp(-gap)), 1) for gap in (1, 2)] == [73.1, 88.1] and round(log(2), 3) == 0.693
    says("llm/rlhf-and-dpo", "a predicted preference of 73.1%; a gap of 2 means 88.1%", "ln 2, about 0.693")


def test_margin_of_a_win_rate_and_divergence_of_best_of_sixteen() -> None:
    assert round(margin(0.56, 400), 1) == 4.9 and round(log(16) - 15 / 16, 2) == 1.84
    says("llm/rlhf-and-dpo", "the 95% margin is about 4.9 points", "about 1.84 nats for n = 16")


def test_size_and_price_of_a_small_index() -> None:
    chunks = ceil((3000 - 400) / (400 - 60)) + 1
    assert chunks == 9 and 10_000 * chunks == 90_000 and round(90_000 * 1024 * 4 / 1e6) == 369
    assert 90_000 * 400 == 36e6 and round(36 * 0.1, 2) == 3.6 and 6 * 400 == 2400
    says(
        "llm/rag-end-to-end",
        "holds 90,000 chunks",
        "the vectors take 369 MB",
        "costs 3.60 dollars",
        "put 2,400 tokens in the prompt",
    )


def test_answer_quality_as_recall_times_generation() -> None:
    assert [round(100 * share, 1) for share in (0.7 * 0.9, 0.7 * 0.95, 0.88 * 0.9)] == [63.0, 66.5, 79.2]
    says("llm/retrieval-for-rag", "about 63% of the answers are right", "gives 66.5%", "gives 79.2% with the old generator")


def test_margins_of_golden_sets() -> None:
    assert [round(margin(0.8, n), 1) for n in (200, 400, 1000)] == [5.5, 3.9, 2.5] and round(margin(0.8, 20)) == 18
    says(
        "llm/rag-evaluation",
        "about 5.5 points at 80% correctness, 400 give 3.9 points, and 1,000 give 2.5 points",
        "about 18 points",
    )


def test_paired_and_unpaired_comparison_of_two_releases() -> None:
    pooled = (0.78 + 0.85) / 2
    unpaired = 2 * norm.sf((0.85 - 0.78) / sqrt(pooled * (1 - pooled) * 2 / 200))
    assert round((0.85 - 0.78) * 200) == 24 - 10
    assert round(binomtest(24, 34).pvalue, 3) == 0.024 and round(unpaired, 2) == 0.07
    says("llm/rag-evaluation", "gives p = 0.024, while treating the runs as independent samples gives p = 0.07")


def test_agreement_of_two_raters() -> None:
    chance = 0.8**2 + 0.2**2
    assert round((0.88 - chance) / (1 - chance), 3) == 0.625
    says("llm/rag-evaluation", "have Cohen's kappa of 0.625")


def test_cost_per_good_answer() -> None:
    assert (round(0.01 / 0.7, 4), round(0.018 / 0.84, 4)) == (0.0143, 0.0214)
    assert (round(0.01 + 0.3 * 4, 2), round(0.018 + 0.16 * 4, 3)) == (1.21, 0.658)
    says(
        "llm/rag-evaluation", "0.0143 dollars", "0.0214 dollars", "a question costs 1.21 dollars with A and 0.658 dollars with B"
    )


def test_answers_with_at_least_one_wrong_claim() -> None:
    assert round(100 * (1 - 0.98**10), 1) == 18.3
    says("llm/hallucination", "= 18.3% of the answers contain an error")


def test_break_even_probability_of_answering() -> None:
    assert 3 / (3 + 1) == 0.75
    says("llm/hallucination", "so when p exceeds 0.75", "`loss / (loss + gain)`")


def test_precision_of_an_attack_classifier() -> None:
    caught, flagged = 1000 * 0.95, 99_000 * 0.02
    assert (caught, flagged) == (950, 1980) and round(100 * caught / (caught + flagged), 1) == 32.4
    says(
        "llm/prompt-injection-and-guardrails",
        "catches 950 of 1,000 attacks and also flags 1,980 normal requests, so its precision is 32.4%",
    )


def test_compounding_of_agent_steps() -> None:
    assert [round(100 * share**10, 1) for share in (0.95, 0.99)] == [59.9, 90.4]
    assert [sum(2000 + 1000 * step for step in range(steps)) for steps in (10, 20)] == [65_000, 230_000]
    says(
        "llm/agents-and-tools",
        "only 59.9% of the time",
        "90.4% of the time",
        "10 steps read 65,000 input tokens and 20 steps read 230,000",
    )


def test_consistency_of_an_agent_over_four_tries() -> None:
    assert (round(100 * (1 - 0.2**4), 1), round(100 * 0.8**4, 1)) == (99.8, 41.0)
    says("llm/agents-and-tools", "succeeds 99.8% of the time (pass@4), while all four succeed only 41.0% of the time")


def test_latency_of_an_answer_and_cached_conversations() -> None:
    per_token = 2 * 32 * 8 * 128 * 2
    assert round(0.4 + 299 * 0.025, 1) == 7.9 and per_token == 128 * 1024
    assert round(60e9 / per_token, -3) == 458_000 and int(60e9 / per_token / 8192) == 55
    says(
        "llm/inference-optimisation",
        "the answer takes 7.9 s",
        "needs 128 KiB a token",
        "about 458,000 cached tokens of the 8B model: 55 conversations",
    )


def test_cached_conversations_of_a_70b_shape() -> None:
    per_token = 2 * 80 * 8 * 128 * 2
    conversation = per_token * 8192
    assert per_token == 320 * 1024 and conversation / 2**30 == 2.5
    assert int((80 - 40 - 4) * 1e9 / conversation) == 13 and int((141 - 70 - 4) * 1e9 / conversation) == 24
    says("llm/inference-optimisation", "needs 320 KiB a token and 2.5 GiB for 8,192 tokens")
    says("llm/inference-optimisation", "40 GB of 4-bit weights holds 13", "70 GB of 8-bit weights holds 24")


def test_decode_speed_bound_by_memory_bandwidth() -> None:
    cache = 32 * 4096 * 128 * 1024 / 1e9
    alone, step = 16 / 3350, (16 + cache) / 3350
    assert (round(1000 * alone, 1), round(1 / alone)) == (4.8, 209)
    assert (round(cache, 1), round(1000 * step, 1), round(32 / step, -1)) == (17.2, 9.9, 3230)
    assert round(32 / step * alone) == 15 and round(step / alone) == 2
    says("llm/inference-optimisation", "4.8 ms to read its weights, so one stream gets at most about 209 tokens per second")
    says("llm/inference-optimisation", "17.2 GB of cache in 9.9 ms, which gives about 3,230 tokens per second: fifteen times")


def test_speed_up_of_speculative_decoding() -> None:
    tokens = (1 - 0.8**5) / (1 - 0.8)
    assert round(tokens, 2) == 3.36 and round(tokens / (1 + 4 * 0.05), 1) == 2.8
    says("llm/inference-optimisation", "with a = 0.8 and g = 4 that is 3.36", "the speed-up is 2.8")


def test_cost_of_a_cascade() -> None:
    large, small = 2000 * 3e-6 + 300 * 15e-6, 2000 * 0.25e-6 + 300 * 1.25e-6
    cascade = small + 0.3 * large
    assert (round(large, 4), round(small, 6), round(cascade, 6)) == (0.0105, 0.000875, 0.004025)
    assert (round(1e5 * large), round(1e5 * cascade, 1), round(100 * (1 - cascade / large))) == (1050, 402.5, 62)
    assert round(1e5 * cascade * 0.85) == 342 and round(500 * 3e-6 + 1500 * 0.3e-6, 5) == 0.00195
    says(
        "llm/llm-operations",
        "1,050 dollars a day",
        "402.50 dollars a day, a saving of 62%",
        "about 342 dollars",
        "from 0.006 to 0.00195 dollars",
    )


def test_availability_of_two_providers_and_price_of_own_gpus() -> None:
    million = 1500 * 3600 / 1e6
    assert round(100 * (1 - 0.005**2), 4) == 99.9975
    assert (million, round(3 / million, 2), round(3 / (0.1 * million), 2)) == (5.4, 0.56, 5.56)
    says("llm/llm-operations", "give 99.9975% together", "0.56 dollars per million at full load and 5.56 dollars at 10% load")


def test_business_value_of_a_support_bot() -> None:
    gain, running, errors = 20_000 * 6, 50_000 * 0.02, 0.03 * 25_000 * 30
    assert (gain, running, errors, gain - running - errors) == (120_000, 1000, 22_500, 96_500)
    assert round(100 * (gain - running) / (25_000 * 30), 1) == 15.9
    says("llm/support-bot", "cost 22,500 dollars, which leaves 96,500 dollars", "The break-even wrong-answer rate is 15.9%")


def test_load_and_latency_of_a_support_bot() -> None:
    first = 0.3 + 0.08 + 0.12 + 0.5
    assert round(200_000 / (30 * 86_400), 2) == 0.08 and round(first, 1) == 1.0 and round(first + 199 * 0.02) == 5
    says(
        "llm/support-bot",
        "average 0.08 requests per second",
        "The time to first token adds up to 1.0 s",
        "completes after about 5 s",
    )


def test_bm25_score_by_hand() -> None:
    idf = log(1 + 990.5 / 10.5)

    def saturated(tf: float, words: int) -> float:
        return tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * words / 100))

    assert (round(idf, 3), round(saturated(3, 120), 3), round(idf * saturated(3, 120), 2)) == (4.557, 1.507, 6.87)
    assert (round(idf * saturated(30, 120), 2), round(idf * saturated(3, 300), 2)) == (9.59, 5.01)
    says(
        "llm/classical-nlp-baselines",
        "which is 4.557",
        "which is 1.507",
        "which is 6.87",
        "the score is 9.59",
        "300 words scores 5.01",
    )


def test_cost_of_labelling_ten_million_documents() -> None:
    assert 10e6 * 300 * 0.25 / 1e6 == 750 and (10e6 / 5000, round(2000 / 60)) == (2000, 33)
    assert round(5000 * 300 * 0.25 / 1e6, 3) == 0.375 and 100_000 * 100_000 * 8 / 1e9 == 80
    says(
        "llm/classical-nlp-baselines",
        "cost 750 dollars a day",
        "about 33 minutes",
        "0.38 dollars of input",
        "would need 80 GB in float64",
    )


def test_running_cost_of_a_linear_model_and_the_escalated_share() -> None:
    hours = 10e6 / 5000 / 3600
    assert hours * 0.05 < 0.05 and 750 / (hours * 0.05) > 1000 and 0.05 * 750 == 37.5
    says(
        "llm/classical-nlp-baselines",
        "thousands of times cheaper",
        "under 0.05 dollars at 0.05 dollars",
        "for 37.50 dollars a day",
    )


def test_escalation_rate_at_which_a_cascade_stops_saving() -> None:
    assert round(100 * (1 - 0.000875 / 0.0105)) == 92
    says("llm/llm-operations", "92% for 0.000875 against 0.0105 dollars")


def test_faithfulness_per_claim_and_hallucination_per_answer() -> None:
    assert [round(100 * (1 - share**5), 1) for share in (0.99, 0.95)] == [4.9, 22.6]
    says("llm/rag-evaluation", "99% faithfulness per claim leaves 4.9% of the answers", "95% leaves 22.6%")


def test_first_verified_sentence_and_price_of_a_reserved_gpu() -> None:
    assert round(1.0 + 25 * 0.02, 1) == 1.5 and 3 * 24 * 30 == 2160 > 50_000 * 0.02
    says("llm/support-bot", "sees verified text after about 1.5 s", "costs 2,160 dollars a month")


def test_cells_of_an_ivf_index() -> None:
    assert (sqrt(1e6), 16 * sqrt(1e6)) == (1000, 16_000)
    says("llm/vector-indexes", "1,000 to 16,000 cells for a million vectors")


def test_coverage_lost_in_the_abstention_simulation() -> None:
    says("llm/hallucination", "cuts the error rate from 36% to 21% and refuses 44% of the questions")
    says("llm/hallucination", "threshold 0.00: coverage 100%, error 36%", "threshold 0.60: coverage 56%, error 21%")
