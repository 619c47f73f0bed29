"""Writing a file to a store elsewhere, by SFTP or to S3, and proving by reading it back that it arrived."""
