// Find the entities of a text with an exported tagger, without finkd: node onnx_only.mjs FOLDER TEXT
// Needs `npm install onnxruntime-node tokenizers`. Prints a line of JSON for each entity; offsets count characters
// (Unicode code points), as those of onnx_only.py. Inside, offsets are JavaScript's own.

import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { Tokenizer } from "tokenizers";

const W = String.raw`[\p{L}\p{N}_\u0300-\u036f]`; // letters, digits, and accents that are characters of their own
const ENDING = `['’](?:[sS]|re|ve|ll|m|d)(?!${W})`;
const PARTS = [ // nearly the words of spaCy's rules for English, which finkd reads
  String.raw`(?:Mrs?|Ms|Dr|St|Jr|Bros|Inc|Corp|Co|Ltd)\.(?!${W})|(?:[A-Za-z]\.)+(?!${W})`,
  `n['’]t(?!${W})|${W}+?(?=n['’]t(?!${W}))|${ENDING}`,
  "[0-9]+(?:[.,/][0-9]+)*(?:st|nd|rd|th|s)?",
  `${W}+(?:(?!${ENDING})[.&'’]${W}+|-[0-9]+)*`,
  String.raw`\.\.+|--+|\S`,
];
const WORD = new RegExp(PARTS.join("|"), "gu");
const RUN = new RegExp(`(?:(?!_)${W})+`, "gu");

// Yield the words of each sentence, which ends after ".", "!" or "?" and the signs that follow it.
function* sentences(text) {
  let words = [], before = 0, isOver = false;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (isOver && (!/^\p{P}/u.test(word) || !["", " "].includes(text.slice(before, index)))) {
      yield words;
      [words, isOver] = [[], false];
    }
    before = index + word.length;
    words.push([index, before]);
    isOver ||= [".", "!", "?"].includes(word);
  }
  if (words.length) yield words;
}

// Return the case of letters and digits: 0 none, 1 lower, 2 Initial, 3 UPPER, 4 miXed, 5 one capital letter.
function caseOf(run) {
  const capitals = run.match(/[\p{Uppercase}\p{Lt}]/gu) ?? [];
  const hasSmall = /\p{Lowercase}/u.test(run);
  if (!capitals.length) return hasSmall ? 1 : 0;
  if (!hasSmall) return run.match(/[\p{L}\p{N}]/gu).length === 1 ? 5 : 3;
  return capitals.length === 1 && run.startsWith(capitals[0]) ? 2 : 4;
}

const argmax = (values) => values.indexOf(Math.max(...values));

// Find the labels with the highest sum of scores in which I-X follows only B-X and I-X (Viterbi).
function decode(scores, labels) {
  const follows = (label, after) => !after.startsWith("I-") || after.slice(2) === label.slice(2);
  const allowed = (values, after) => values.map((value, place) => (follows(labels[place], after) ? value : -Infinity));
  let best = labels.map((after, place) => (follows("O", after) ? scores[0][place] : -Infinity));
  const steps = [];
  for (const row of scores.slice(1)) {
    const step = labels.map((after) => argmax(allowed(best, after)));
    best = step.map((place, after) => best[place] + row[after]);
    steps.push(step);
  }
  const path = [argmax(best)];
  for (const step of steps.reverse()) path.unshift(step[path[0]]);
  return path.map((place) => labels[place]);
}

// Yield the entities of a text in order.
async function* entities(folder, text) {
  const [config, limits] = ["", "tokenizer_"].map((name) => JSON.parse(readFileSync(`${folder}/${name}config.json`)));
  const labels = Object.keys(config.id2label).map((_, place) => config.id2label[place]);
  const outside = labels.map((label) => (label === "O" ? 0 : -1e6));
  const tokenizer = Tokenizer.fromFile(`${folder}/tokenizer.json`);
  const graph = await InferenceSession.create(`${folder}/model.onnx`);
  const cases = new Array(text.length).fill(0);
  for (const { 0: run, index } of text.matchAll(RUN)) cases.fill(caseOf(run), index, index + run.length);
  const characters = (end) => [...text.slice(0, end)].length;
  for (const words of sentences(text)) {
    const sentence = text.slice(words[0][0], words.at(-1)[1]);
    const encoding = await tokenizer.encode(sentence);
    const size = encoding.getLength();
    if (size > limits.model_max_length) {
      console.error(`a sentence has ${size} tokens; this model reads ${limits.model_max_length} at most`);
      process.exit(1);
    }
    const places = [words[0][0]]; // in the text, of each character of the sentence
    for (const character of sentence) places.push(places.at(-1) + character.length);
    const tokens = encoding.getOffsets().map(([start, end]) => [places[start], places[end]]);
    // Some models of uncased tokens are given the case of the word that each token begins in.
    const types = tokens.map(([start, end]) => {
      const blank = text.slice(start, end).search(/\S/);
      return blank < 0 ? 0 : cases[start + blank];
    });
    const inputs = { input_ids: encoding.getIds(), attention_mask: encoding.getAttentionMask(), token_type_ids: types };
    const tensor = (name) => new Tensor("int64", BigInt64Array.from(inputs[name], BigInt), [1, size]);
    const { logits } = await graph.run(Object.fromEntries(graph.inputNames.map((name) => [name, tensor(name)])));
    // The scores of a word are those of the first token that touches it; a word without one is O.
    const scores = words.map(([start, end]) => {
      const token = tokens.findIndex(([first, last]) => Math.max(first, start) < Math.min(last, end));
      return token < 0 ? outside : [...logits.data.slice(token * labels.length, (token + 1) * labels.length)];
    });
    const found = [];
    decode(scores, labels).forEach((label, word) => {
      if (label.startsWith("B-")) found.push({ label: label.slice(2), start: words[word][0], end: words[word][1] });
      else if (label.startsWith("I-")) found.at(-1).end = words[word][1];
    });
    for (const { label, start, end } of found)
      yield { text: text.slice(start, end), label, start: characters(start), end: characters(end) };
  }
}

const found = [];
for await (const entity of entities(...process.argv.slice(2))) found.push(entity);
for (const entity of found) console.log(JSON.stringify(entity));
