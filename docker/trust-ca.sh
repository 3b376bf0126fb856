#!/bin/sh
# Adds the certificates of every *.crt file in the directory $1 to the system's trusted ones. Runs
# while the images are built. A file may hold a whole bundle; what is trusted already is left out.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt
store=/usr/local/share/ca-certificates

# One certificate a file, as update-ca-certificates wants it. The base64 text identifies it.
find "$1" -name '*.crt' -type f -exec cat {} + >/tmp/extra.pem
awk -v store="$store" '
    { sub(/\r$/, "") }
    /^-----BEGIN (TRUSTED )?CERTIFICATE-----$/ { inside = 1; body = ""; text = ""; }
    inside { text = text $0 "\n"; if ($0 !~ /^-----/) body = body $0 }
    /^-----END (TRUSTED )?CERTIFICATE-----$/ && inside {
        inside = 0
        if (!(body in known) && FILENAME != "'"$bundle"'") {
            file = store "/isol8-extra-" ++count ".crt"
            printf "%s", text >file
            close(file)
        }
        known[body] = 1
    }
' "$bundle" /tmp/extra.pem
rm /tmp/extra.pem
update-ca-certificates
