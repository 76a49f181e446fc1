// What a page of text cannot do by itself: copy, put the cursor in the box, and go to the place a link named.
(() => {
  if (window.prepReady) return;
  window.prepReady = true;
  const box = () => document.querySelector('[data-testid="stChatInputTextArea"]');

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-link]");
    if (!button) return;
    const link = button.dataset.copyLink;
    await navigator.clipboard.writeText(link ? new URL(link, document.baseURI.split("?")[0]).href : button.dataset.copy);
    const name = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = name), 1500);
  });

  // A number opens its source where the reader is; the link in the source leads back to that number.
  let cited;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.cite, a.return");
    if (!link) return;
    event.preventDefault();
    const quote = document.getElementById(link.hash.slice(1));
    if (!quote) return;
    const source = quote.closest("details");
    if (link.matches(".cite")) {
      cited = link;
      source.open = true;
      source.querySelector(".section").focus({ preventScroll: true });
      quote.scrollIntoView({ block: "nearest" });
    } else {
      const number = cited?.hash === link.hash ? cited : document.querySelector(`a.cite[href="${link.hash}"]`);
      number.focus({ preventScroll: true });
      number.scrollIntoView({ block: "center" });
    }
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && box()) {
      event.preventDefault();
      box().focus();
    }
  });

  // A new question stays on top while its answer takes its place; from the first touch on, scrolling is the reader's.
  let asked = 0;
  let following = false;
  let settled;
  for (const touch of ["wheel", "touchmove", "keydown", "mousedown"])
    addEventListener(touch, () => (following = false), { passive: true, capture: true });
  const follow = () => {
    const questions = document.querySelectorAll(".question");
    if (asked && questions.length > asked) following = true;
    asked = questions.length;
    if (!following || !asked) return;
    questions[asked - 1].scrollIntoView({ block: "start" });
    clearTimeout(settled);
    if (!document.querySelector(".answer[aria-busy='true']")) settled = setTimeout(() => (following = false), 700);
  };

  // Streamlit draws after the page has loaded, so both wait for what they look for.
  let focused = false;
  const look = () => {
    if (!focused && box()) {
      focused = true;
      if (document.activeElement === document.body) box().focus({ preventScroll: true });
    }
    follow();
    const guide = document.querySelector(".guide[data-goal]:not([data-goal='']):not([data-gone])");
    const goal = guide && document.getElementById(guide.dataset.goal);
    if (goal) {
      guide.dataset.gone = "1";
      setTimeout(() => goal.scrollIntoView({ block: "center" }), 300);
    }
  };
  look();
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
})();
