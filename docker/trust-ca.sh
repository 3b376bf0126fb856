#!/bin/sh
# Adds the certificates of every *.crt file in the directory $1 to the system's trusted ones. Runs
# while the images are built. A file may hold a whole bundle; what is trusted already is left out.
# What is new is left in $1/extra.pem too, for runtimes that bring certificates of their own.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt
store=/usr/local/share/ca-certificates
all=$(mktemp)

# One certificate a file, as update-ca-certificates wants it; its base64 text identifies it. CRLF
# line ends and text between the certificates are dropped.
find "$1" -name '*.crt' -type f -exec cat {} + >"$all"
: >"$1/extra.pem"
awk -v store="$store" -v extra="$1/extra.pem" -v trusted="$bundle" '
    { sub(/\r$/, "") }
    /^-----BEGIN (TRUSTED )?CERTIFICATE-----$/ { inside = 1; body = ""; text = "" }
    inside { text = text $0 "\n"; if ($0 !~ /^-----/) body = body $0 }
    /^-----END (TRUSTED )?CERTIFICATE-----$/ && inside {
        inside = 0
        if (!(body in known) && FILENAME != trusted) {
            file = store "/isol8-extra-" ++count ".crt"
            printf "%s", text >file
            close(file)
            printf "%s", text >extra
        }
        known[body] = 1
    }
' "$bundle" "$all"
rm "$all"
find "$1" -name '*.crt' -type f -delete
update-ca-certificates
