/** The Node version that the program needs; the plugins run on older ones (`engines` in package.json). */
const [major, minor] = [24, 9];

/**
 * The first line of a program file: on an older Node it prints the needed version instead of a syntax or import error. It needs CommonJS,
 * because ES modules are linked before any line runs, and old syntax.
 */
export const nodeVersionCheck = `(function () { var v = process.versions.node.split('.').map(Number); if (v[0] < ${major} || (v[0] === ${major} && v[1] < ${minor})) { process.stderr.write('sekisho: needs Node ${major}.${minor} or newer; this is ' + process.versions.node + ' (' + process.execPath + ')\\n'); process.exit(1); } })();`;
