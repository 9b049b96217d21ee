"""Files that a browser uploads: checked beforehand, sent to S3 in parts, followed until they are runs."""
