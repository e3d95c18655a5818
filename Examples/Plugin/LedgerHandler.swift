import MillraceHandler

/// `examples.ledger`: orders in JSON, a batch of them with one write into a file: `id customer total_cents currency`,
/// separated by tabs.
///
/// A bad order is rejected, and the others of its batch are written. When the file can not be written the batch fails as
/// a whole and its orders are tried one by one, so a line may be there twice, never not at all; the id tells.
final class LedgerHandler: BatchHandler {
    private let path: String
    /// Opened with the first batch: `millrace check` makes handlers too, and should leave no file behind.
    private var ledger: Ledger?

    init(_ options: HandlerOptions) throws { self.path = try options.string("file") }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        var verdicts = batch.verdicts()
        var lines: [String] = []
        for index in batch.indices {
            do throws(Order.Invalid) {
                lines.append(try Self.line(batch[index].bodyBytes))
            } catch {
                verdicts[index] = .reject(error.description)
            }
        }
        if self.ledger == nil { self.ledger = try Ledger(path: self.path) }
        try self.ledger?.append(lines)
        return verdicts.rest(.ack)
    }

    private static func line(_ json: [UInt8]) throws(Order.Invalid) -> String {
        let invoice = try Invoice(try Order.decode(json), taxPermille: 0)
        let fields = [invoice.order, invoice.customer, String(invoice.totalCents), invoice.currency]
        // A tab or a line's end inside a field would make two of it.
        return fields.map { String($0.map { $0.isNewline || $0 == "\t" ? " " : $0 }) }.joined(separator: "\t")
    }
}
