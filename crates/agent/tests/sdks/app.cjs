// The JavaScript SDK as one of those that are tried at the doors: "shared|fresh
// COUNT [PAUSE_MILLIS]" prints what it is, then a line for each time that
// credentials were asked for. Clients share nothing unless they are one.
const { createRequire } = require("module");
// Its packages are where they were installed for tests, not beside this file.
const installed = createRequire(process.cwd() + "/");
const { S3Client } = installed("@aws-sdk/client-s3");

const say = (line) => console.log(JSON.stringify(line));
const [mode, count, pause] = process.argv.slice(2);

(async () => {
  say({ sdk: installed("@aws-sdk/client-s3/package.json").version });
  let client;
  for (let turn = 0; turn < Number(count); turn++) {
    const begun = process.hrtime.bigint();
    const micros = () => Number((process.hrtime.bigint() - begun) / 1000n);
    try {
      if (!client || mode !== "shared") client = new S3Client({});
      const { accessKeyId } = await client.config.credentials();
      say({ key: accessKeyId.slice(-4), micros: micros() });
    } catch (error) {
      say({ error: String(error.message ?? error), micros: micros() });
    }
    if (turn + 1 < Number(count)) await new Promise((done) => setTimeout(done, Number(pause ?? 0)));
  }
})();
