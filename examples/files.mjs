// Gives a program a CSV file, and takes the report that it writes.
//
// Prints:
//   tea 7
//   coffee 5

import { DockerIsol8 } from "@isol8/core";

const code = `
import collections, csv
total = collections.Counter()
for row in csv.DictReader(open("orders.csv")):
    total[row["item"]] += int(row["amount"])
with open("report.txt", "w") as report:
    for item, amount in total.most_common():
        print(item, amount, file=report)
`;

const isol8 = new DockerIsol8();
const { files } = await isol8.execute({
  runtime: "python",
  code,
  files: { "/sandbox/orders.csv": "item,amount\ntea,3\ncoffee,5\ntea,4\n" },
  outputPaths: ["/sandbox/report.txt"],
});
const report = Buffer.from(files["/sandbox/report.txt"], "base64").toString();
console.log(report.trim());
await isol8.stop();
