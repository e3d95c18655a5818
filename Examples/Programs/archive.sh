#!/bin/sh
# Keeps the body as FOLDER/MESSAGE-ID.txt: archive.sh FOLDER
#
# Exit status 75 while there is no such folder, 65 for a message without an id that can be a file's name.
set -eu

folder=$1
id=${MILLRACE_MESSAGE_ID:-}

if [ ! -d "$folder" ]; then
    echo "there is no folder $folder" >&2
    exit 75
fi
case $id in
'' | *[!A-Za-z0-9_-]*)
    echo "'$id' can not be a file's name" >&2
    exit 65
    ;;
esac

# Under another name first: a file is there whole, or not at all, however often its message comes.
new=$folder/.$id.$$
trap 'rm -f "$new"' EXIT
cat >"$new"
mv "$new" "$folder/$id.txt"
echo "kept $MILLRACE_BODY_BYTES octets" >&2
