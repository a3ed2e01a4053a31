package org.opensearch.protobufs;

/** Named by the k-NN plugin; its real module is not published, and nothing here calls it. */
public final class QueryContainer {
    public enum QueryContainerCase {}
}
