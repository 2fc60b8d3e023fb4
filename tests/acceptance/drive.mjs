// Runs one example: `drive.mjs FILE stdio` or `drive.mjs FILE URL`. The last line is what it answered.
//
// An example that has a model gets the scripted one, which is a file of the same name in `models`.

const [file, place] = process.argv.slice(2);
const { ask, delegate, overHttp, overStdio } = await import(`./${file}`);
const mogplex = place === "stdio" ? overStdio() : overHttp(place);
if (delegate) {
  console.log(await delegate(mogplex, "acme/web", "Fix the flaky test."));
} else {
  const { MODEL } = await import(`./models/${file}`);
  console.log(await ask(mogplex, "Fix the flaky test in acme/web.", MODEL));
}
