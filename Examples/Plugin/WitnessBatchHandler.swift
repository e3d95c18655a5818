import MillraceHandler

/// `bench.witness_batch`: ``WitnessHandler`` for batches; a line for each body, and no output.
struct WitnessBatchHandler: BatchHandler {
    private let witness: Witness

    init(_ options: HandlerOptions) throws { self.witness = try Witness(path: try options.string("witness")) }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        for index in batch.indices { try self.witness.append(String(decoding: batch[index].bodyBytes, as: UTF8.self)) }
        return batch.verdicts().rest(.ack)
    }
}
