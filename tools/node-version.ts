/** Of the program; the plugins run on older ones (`engines` of package.json). */
const [major, minor] = [24, 9];

/**
 * What a file of the program begins with, so that an older Node says what it needs, and not what it does not know. In CommonJS: modules
 * are linked before a line of them runs. Written for readers of any age, and in one line, so that it stands before everything.
 */
export const nodeVersionCheck = `(function () { var v = process.versions.node.split('.').map(Number); if (v[0] < ${major} || (v[0] === ${major} && v[1] < ${minor})) { process.stderr.write('sekisho: needs Node ${major}.${minor} or newer, and this is ' + process.versions.node + ' (' + process.execPath + ')\\n'); process.exit(1); } })();`;
