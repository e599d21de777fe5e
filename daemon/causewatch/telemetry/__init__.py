"""What causewatch says of itself: metrics and logs."""
