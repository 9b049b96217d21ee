"""Browser uploads: checked beforehand, sent to S3 in parts, and tracked until they are runs."""
