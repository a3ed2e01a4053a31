package org.opensearch.transport.grpc.spi;

/** Named by the k-NN plugin; its real module is not published, and nothing here calls it. */
public interface QueryBuilderProtoConverterRegistry {}
