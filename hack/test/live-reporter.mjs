/** Shows each test as it begins and ends, since a story on a cluster takes minutes. Loaded by Jest itself. */
export default class LiveReporter {
  onTestCaseStart(_test, {ancestorTitles, title}) {
    this.#print(`▶ ${[...ancestorTitles, title].join(' › ')}`);
  }

  onTestCaseResult(_test, {fullName, status, duration}) {
    this.#print(`${status === 'passed' ? '✔' : '✘'} ${fullName} (${status}, ${((duration ?? 0) / 1000).toFixed(1)} s)`);
  }

  #print(line) {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
  }
}
