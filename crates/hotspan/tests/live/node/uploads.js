// An HTTP server that uploads to S3; who watches it is up to the caller, which
// must have instrumented node:http before it requires this file.
//
// GET /up?n=10&mode=a   n uploads through one shared client
// GET /up?n=10&mode=b   n uploads, a new client for each
"use strict";

const http = require("node:http");
const { PutObjectCommand, S3Client } = require("@aws-sdk/client-s3");

const newClient = () =>
  new S3Client({ endpoint: process.env.S3_ENDPOINT, forcePathStyle: true });
const shared = newClient();

async function upload(query) {
  const count = Number(query.get("n"));
  for (let record = 0; record < count; record += 1) {
    const client = query.get("mode") === "b" ? newClient() : shared;
    await client.send(new PutObjectCommand({ Bucket: "lab", Key: `node/${record}`, Body: "x" }));
  }
  return String(count);
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  upload(url.searchParams).then(
    (text) => response.end(text),
    (error) => {
      console.error(error);
      response.writeHead(500).end(String(error));
    },
  );
});

server.listen(0, "127.0.0.1", () => {
  console.log(`ready http://127.0.0.1:${server.address().port}`);
});
