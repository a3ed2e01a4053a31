"""What crosses the queue is named here and nowhere else."""

#: Passages to encode.
ENCODE_QUEUE = "encode"
#: Questions to answer.
READ_QUEUE = "read"
