"use strict";
// The server holds the truth of everything: this page shows the state that it answers with, and sends what was chosen.
const $ = id => document.getElementById(id);
const assessor = $("study").dataset.assessor;
const audio = $("audio");
const emotions = [...document.querySelectorAll(".emotion")];
let item = null; // as the server describes it
let heard = false; // an answer needs at least the beginning of the recording
let busy = false; // one request at a time: a key pressed twice sends one answer

async function ask(path, body) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ assessor, ...body }) };
  const answer = await fetch(path, body && post);
  const state = await answer.json();
  if (!answer.ok) throw new Error(state.error);
  return state;
}

// Runs one request; what fails is said, and can be tried again.
async function once(work, trouble) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    const cause = error instanceof TypeError ? "the server does not answer; is it still running?" : error.message;
    say(`${trouble}: ${cause}`, true);
  } finally {
    busy = false;
  }
}

function say(text, problem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
}

function sentence() {
  if (item.truth) {
    const agree = item.truth === item.answer;
    return agree ? `The answer is ${item.truth}, as you said.` : `The answer is ${item.truth}; you said ${item.answer}.`;
  }
  if (item.answer) return `Saved: ${item.answer}.`;
  return heard ? "Which emotion do you hear?" : "Listen first, then choose.";
}

// Buttons and words for the present state. Every element keeps its place: nothing jumps.
function draw() {
  for (const button of emotions) {
    button.disabled = !heard || Boolean(item.answer);
    button.setAttribute("aria-pressed", String(button.dataset.emotion === item.answer));
    button.classList.toggle("truth", button.dataset.emotion === item.truth);
  }
  $("play").disabled = false;
  $("reveal").disabled = !item.answer || Boolean(item.truth);
  $("next").disabled = !item.answer;
  $("progress").max = item.total;
  $("progress").value = item.answered;
  say(sentence());
}

function show(state) {
  item = state;
  $("work").hidden = item.done;
  $("end").hidden = !item.done;
  if (item.done) {
    audio.pause();
    history.replaceState(null, "", location.pathname + location.search);
    $("phase").textContent = "Finished";
    $("phase").classList.remove("training");
    $("total").textContent = `You answered all ${item.answered} recordings that count.`;
    $("end").focus();
    return;
  }
  const training = item.phase === "training";
  heard = Boolean(item.answer);
  history.replaceState(null, "", "#" + item.token); // a reload shows the same recording
  $("phase").textContent = training ? "Training: not counted" : "Counted";
  $("phase").classList.toggle("training", training);
  $("heading").textContent = `${training ? "Training" : "Recording"} ${item.number} of ${item.total}`;
  audio.src = "/audio/" + item.token;
  draw();
  $("work").focus(); // keys work at once, and screen readers say the heading
}

const load = token => once(async () => {
  show(await ask("/item?" + new URLSearchParams({ assessor, token })));
}, "Could not go on");

const choose = emotion => once(async () => {
  if (!heard || item.answer) return;
  item = await ask("/answer", { token: item.token, answer: emotion });
  draw();
  if (item.answer !== emotion) say(`You had answered ${item.answer} before, in another tab perhaps: the first answer stands.`);
  $("work").focus();
}, "Not saved, please choose again");

const reveal = () => once(async () => {
  if (!item.answer || item.truth) return;
  item = await ask("/reveal", { token: item.token });
  draw();
  $("work").focus();
}, "Could not show the answer");

function next() {
  if (item && item.answer) load("");
}

function play() {
  if (!item || item.done) return;
  audio.currentTime = 0;
  audio.play().catch(error => {
    if (error.name !== "AbortError") say("The recording cannot be played; please tell whoever runs the study.", true);
  });
}

function clock() {
  $("time").textContent = Number.isFinite(audio.duration) ? `${audio.currentTime.toFixed(1)} / ${audio.duration.toFixed(1)} s` : "";
}

for (const event of ["loadedmetadata", "timeupdate", "ended", "emptied"]) audio.addEventListener(event, clock);
audio.addEventListener("playing", () => {
  if (heard) return;
  heard = true;
  draw();
});
$("play").addEventListener("click", play);
$("reveal").addEventListener("click", reveal);
$("next").addEventListener("click", next);
for (const button of emotions) button.addEventListener("click", () => choose(button.dataset.emotion));

// The letter A, or where the keyboard has no Latin letters the key in its place.
const isA = event => event.key.toLowerCase() === "a" || (event.code === "KeyA" && !/^[a-z]$/i.test(event.key));

document.addEventListener("keydown", event => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !item || item.done) return;
  const onControl = event.target.closest("button:enabled, a");
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code); // the key's place: French keyboards need Shift for the digit
  const emotion = digit && emotions.find(button => button.dataset.key === digit[1]);
  if (emotion) choose(emotion.dataset.emotion);
  else if (isA(event)) reveal();
  else if (event.key === " " && !onControl) play();
  else if (event.key === "Enter" && !onControl) next();
  else return;
  event.preventDefault();
});

load(location.hash.slice(1));
