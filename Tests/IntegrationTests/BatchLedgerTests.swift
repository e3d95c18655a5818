import AMQPClient
import Foundation
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Acks everything, and keeps what stood in the crash ledger meanwhile: what a process that dies would leave behind.
private struct Witness: BatchHandler {
    static let sizes = Monitor<[String: [Int]]>([:])
    private let ledger: String
    private let copy: String

    init(_ options: HandlerOptions) throws {
        self.ledger = try options.string("ledger")
        self.copy = try options.string("copy")
    }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        let count = batch.count
        Self.sizes.withLock { $0[self.ledger, default: []].append(count) }
        try Data(contentsOf: URL(filePath: self.ledger)).write(to: URL(filePath: self.copy))
        return batch.all(.ack)
    }
}

/// The crash ledger of a job whose handler takes batches, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct BatchLedgerTests {
    private let folder: Scratch
    private let rig = BatchRig()

    init() throws { self.folder = try Scratch() }

    private func sizes(_ ledger: String) -> [Int] { Witness.sizes.withLock { $0[ledger] ?? [] } }

    private func image(_ path: String) throws -> LedgerImage? {
        try Data(contentsOf: URL(filePath: path)).withUnsafeBytes { LedgerImage($0) }
    }

    private func run(_ bodies: [String], ledger: String, copy: String) throws {
        let job = """
                batch: { size: 3, timeout: 50ms }
                with: { ledger: "\(ledger)", copy: "\(copy)" }
            """
        let file = try self.rig.jobFile(job, more: "crash_ledger: { path: \"\(ledger)\" }", handler: "tests.witness")
        try self.rig.publish(bodies)
        let plugin = MillracePlugin(name: "tests", [.batch("tests.witness", Witness.self)])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.acked == bodies.count)
    }

    @Test func `all of a batch in hand stand in the ledger; when the process died they run alone`() throws {
        let (first, second) = (self.folder.path + "/first.ledger", self.folder.path + "/second.ledger")
        try self.run(["0", "1", "2"], ledger: first, copy: second)
        #expect(self.sizes(first) == [3])
        #expect(try self.image(second)?.run.inHand.map(\.deliveryTag).sorted() == [1, 2, 3])
        #expect(!FileManager.default.fileExists(atPath: first))

        // As if the first had died with its batch in hand.
        try self.run(["0", "1", "2"], ledger: second, copy: self.folder.path + "/third.ledger")
        #expect(self.sizes(second) == [1, 1, 1])
        // They did no harm: nobody is remembered.
        #expect(!FileManager.default.fileExists(atPath: second))
        try self.rig.remove()
    }
}
