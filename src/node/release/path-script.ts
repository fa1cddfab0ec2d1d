// The surroundings of every sh program of this room: names are bytes, times are UTC, and nothing that a login has set
// changes what a tool does.

/** Sees `$base`. The login's own tools are found first, then those that a worker would find (kit/lib.sh). */
export const PATH_SH = `
export LC_ALL=C TZ=UTC0
unset CDPATH TAR_OPTIONS TAPE POSIXLY_CORRECT OPENSSL_CONF GZIP ZSTD_CLEVEL ZSTD_NBTHREADS XZ_OPT
worker_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
PATH=\${PATH:+$PATH:}$worker_path
newline='
' tab='	'
`
