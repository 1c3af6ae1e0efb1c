#!/bin/sh
# What people run from cron today: token, role, credentials, three files with their modes. Whole and honest, but it
# truncates what its readers read, and keeps nothing of what others wrote.
set -eu
umask 077
endpoint=$1 directory=$2
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' "$endpoint/latest/api/token")
role=$(curl -sf -H "X-aws-ec2-metadata-token: $token" "$endpoint/latest/meta-data/iam/security-credentials/")
wget -q --header "X-aws-ec2-metadata-token: $token" -O "$directory/iam.json" \
  "$endpoint/latest/meta-data/iam/security-credentials/$role"
key=$(jq -r .AccessKeyId "$directory/iam.json")
secret=$(jq -r .SecretAccessKey "$directory/iam.json")
session=$(jq -r .Token "$directory/iam.json")
cat >"$directory/credentials" <<END
[default]
aws_access_key_id = $key
aws_secret_access_key = $secret
aws_session_token = $session
END
cat >"$directory/app.env" <<END
AWS_ACCESS_KEY_ID=$key
AWS_SECRET_ACCESS_KEY=$secret
AWS_SESSION_TOKEN=$session
END
chmod 600 "$directory/iam.json" "$directory/credentials" "$directory/app.env"
