import Examples
import Foundation
import MillraceHandler
import MillraceTesting
import Testing

/// The handlers of the plugin, by its descriptor, as a job file names them.
@Suite struct HandlersTests {
    private func tester(_ handler: String, _ options: HandlerOptions) async throws -> JobTester {
        try await JobTester(plugin: millracePlugin(), handler: handler, options: options)
    }

    @Test func `an order becomes an invoice under its number`() async throws {
        let tester = try await self.tester("examples.order", ["routing_key": "invoices", "tax_permille": 70])
        let order = OrderTests.order(lines: OrderTests.line(quantity: "2", price: #""10.00""#))
        let result = try await tester.run(TestMessage(body: order))
        #expect(result.outcome == .ack)
        let output = try #require(result.outputs.first)
        #expect(output.routingKey == "invoices")
        #expect(output.correlationID == "o1")
        #expect(output.contentType == "application/json")
        #expect(try output.decode(Invoice.self).totalCents == 2140)
        #expect(try await tester.run("no order").outcome.isReject)
    }

    @Test func `a tax that can not be is refused before the first order`() async throws {
        let error = await #expect(throws: JobTesterError.self) {
            try await self.tester("examples.order", ["routing_key": "invoices", "tax_permille": 2000])
        }
        #expect(
            error?.description == "handler 'examples.order' does not start: option 'tax_permille' must be 0...1000"
        )
    }

    @Test func `log lines are counted, and one bad line rejects its block`() async throws {
        let tester = try await self.tester("examples.access_log", ["routing_key": "counts", "exchange": "e"])
        let line = #"192.0.2.85 - - [12/May/2025:06:00:16 +0000] "GET / HTTP/1.1" 404 60 "-" "-""#
        let results = try await tester.run([TestMessage("\(line)\n\(line)"), TestMessage("\(line)\nnonsense")])
        #expect(results.outcomes == [.ack, .reject("line 2: no [time]")])
        #expect(results.outputs.map(\.bodyText) == [#"{"lines":2,"bytes":120,"statuses":{"404":2}}"#])
        #expect(results.outputs.map(\.exchange) == ["e"])
    }

    @Test func `files are summed side by side, and one outside of the folder is rejected`() async throws {
        let root = "\(SampleData.root)/Examples/sample-data/files"
        let tester = try await self.tester("examples.checksum", ["routing_key": "sums", "root": .string(root)])
        let results = try await tester.run(["empty.txt", "../orders.jsonl", "one-octet.bin"])
        #expect(results.outcomes.map(\.isReject) == [false, true, false])
        #expect(try results.outputs.map { try $0.decode(FileChecksum.self).bytes } == [0, 1])
    }

    @Test func `orders of one batch are written together, and a bad one is rejected alone`() async throws {
        let path = NSTemporaryDirectory() + "ledger-\(UInt64.random(in: 0...UInt64.max)).tsv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let tester = try await self.tester("examples.ledger", ["file": .string(path)])
        let good = TestMessage(body: OrderTests.order())
        let results = try await tester.run([good, "no order", good])
        #expect(results.outcomes.map(\.isReject) == [false, true, false])
        #expect(results.failure == nil)
        // LoggingMiddleware: a line for the batch, and one for the message that failed.
        #expect(results.logs.count == 2)
        #expect(results.logs.allSatisfy { $0.text.hasPrefix("job=test ") })
        #expect(
            try String(contentsOfFile: path, encoding: .utf8) == String(repeating: "o1\tÅkerlund\t100\tEUR\n", count: 2)
        )
    }

    @Test func `a ledger that can not be written fails each order by itself`() async throws {
        let tester = try await self.tester("examples.ledger", ["file": "/dev/full"])
        let good = TestMessage(body: OrderTests.order())
        let results = try await tester.run([good, good])
        let reason = "'/dev/full' can not be written: No space left on device"
        #expect(results.failure == reason)
        #expect(results.outcomes == [.retry(reason), .retry(reason)])
    }

    @Test func `a shipment keeps its trace, and what is none is rejected with the place`() async throws {
        let tester = try await self.tester("examples.shipment", ["routing_key": "postage"])
        let trace = HeaderValue.string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        let shipment = #"{"id":"s1","carrier":"post","parcels":[{"grams":500}]}"#
        let result = try await tester.run(TestMessage(body: shipment, headers: ["traceparent": trace]))
        #expect(result.outcome == .ack)
        #expect(result.outputs.map { $0.headers["traceparent"] } == [trace])
        #expect(
            try await tester.run(#"{"id":"s1","carrier":"post","parcels":[{"grams":"x"}]}"#).outcome
                == .reject("parcels[0].grams: expected a whole number, got a string")
        )
    }

    @Test func `an errand fails as often as it says, and a nap ends when it is asked to`() async throws {
        let tester = try await self.tester("examples.errand", ["routing_key": "done"])
        let second = try await tester.run(TestMessage(body: "fail 2 then work", attempt: 2))
        #expect(second.outcome == .retry("attempt 2 had to fail"))
        let third = try await tester.run(TestMessage(body: "fail 2 then work", attempt: 3))
        #expect(third.outputs.map(\.bodyText) == ["fail 2 then work"])
        #expect(try await tester.run("nap 3600000", ending: .whenItWaits).outcome == .retry("CancellationError()"))
        #expect(try await tester.run("stop").outcome == .stop("what all of them need is broken"))
    }
}

extension Outcome {
    fileprivate var isReject: Bool { if case .reject = self { true } else { false } }
}
