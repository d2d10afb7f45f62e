/**
 * Stands in for `@vscode/native-watchdog`, which ends an extension host whose server is gone:
 * guard.ts ends them together.
 */
const process = require('node:process');

exports.start = () => {};
exports.exit = (code) => process.exit(code);
