/// A handler that gets several messages at once and gives a verdict for each: for bulk inserts, bulk requests, one
/// write instead of a hundred.
///
/// How many at most, and how long the first of a batch waits for others, says the job: `batch: {size: 100, timeout:
/// 50ms}`. One instance is made for each worker thread of a job and used by that thread alone; it has one batch at a
/// time.
///
///     struct Ledger: BatchHandler {
///         func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
///             var verdicts = batch.verdicts()
///             var rows: [Row] = []
///             for index in batch.indices {
///                 if let row = Row(batch[index].bodyBytes) {
///                     rows.append(row)
///                 } else {
///                     verdicts[index] = .reject("this is no row")
///                 }
///             }
///             try self.table.insert(rows)
///             return verdicts.rest(.ack)
///         }
///     }
public protocol BatchHandler: SendableMetatype {
    /// Makes the instance of one worker; see ``JobHandler/init(_:)``.
    init(_ options: HandlerOptions) throws

    /// Handles a batch.
    ///
    /// When it throws, nobody can say which message was at fault: what was published for the batch is dropped, and
    /// each message is handled again in a batch of one. What a batch of one throws is that message's failure:
    /// ``Unrecoverable`` a reject, anything else a retry. So what a batch does before it throws must bear to be done
    /// again.
    ///
    /// - Parameters:
    ///   - batch: From 1 to `batch.size` messages, in the order in which they came. Borrowed: its memory is the
    ///     supervisor's and ends with the call.
    ///   - context: Logging, counting, cancellation. Publishing belongs to a message: ``MessageBatch/context(at:)``.
    /// - Returns: What becomes of each message.
    /// - Throws: Why the batch as a whole failed.
    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts
}
