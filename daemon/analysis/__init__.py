"""What can be said about data: quality, secrets, statistics, reports; decides nothing."""
