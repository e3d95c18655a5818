import CMillraceABI
import MillraceHandler
import Testing

/// Rejects what is not of this tenant, and names the tenant in all that its handlers publish.
struct TenantMiddleware: SyncMiddleware, BatchMiddleware {
    let tenant: String

    func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
        guard message.header("tenant") == .string(self.tenant) else { return .reject("of another tenant") }
        return try await next(message, context.addingHeaders(["tenant": .string(self.tenant)]))
    }

    func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
        guard message.header("tenant") == .string(self.tenant) else { return .reject("of another tenant") }
        return try next(message, context.addingHeaders(["tenant": .string(self.tenant)]))
    }

    // Only for a plugin with handlers that take batches.
    func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        let named = batch.changingContexts { $1.addingHeaders(["tenant": .string(self.tenant)]) }
        return try next(named, context) { message in
            message.header("tenant") == .string(self.tenant) ? nil : .reject("of another tenant")
        }
    }
}

let tenantPlugin = MillracePlugin(
    name: "tenants",
    middleware: [TracingMiddleware(), LoggingMiddleware(), MetricsMiddleware(), TenantMiddleware(tenant: "acme")],
    [.sync("tenants.script", ScriptHandler.self), .batch("tenants.batch", ScriptBatchHandler.self)]
)

/// The example of the guide on middleware.
@Suite
struct TenantMiddlewareTests {
    @Test func `the guide's example does what it says`() throws {
        let host = FakeHost(jobName: "tenants")
        let instance = try host.make(tenantPlugin)
        let (ours, theirs) = (FakeToken("ack"), FakeToken("ack"))
        ours.headers["tenant"] = .string("acme")
        theirs.headers["tenant"] = .string("other")
        instance.begin(ours)
        instance.begin(theirs)
        #expect(ours.completions == [.init(MILLRACE_ACK)])
        #expect(theirs.completions == [.init(MILLRACE_REJECT, reason: "of another tenant")])
        #expect(host.lines.count == 2)
    }

    @Test func `and around batches too`() throws {
        let host = FakeHost(jobName: "tenant batches")
        let tokens = [FakeToken("ack"), FakeToken("ack")]
        tokens[1].headers["tenant"] = .string("acme")
        try host.make(tenantPlugin, 1).beginBatch(tokens)
        #expect(tokens[0].completions == [.init(MILLRACE_REJECT, reason: "of another tenant")])
        #expect(tokens[1].completions == [.init(MILLRACE_ACK)])
        #expect(tokens.map { $0.publications.map(\.headers) } == [[], [["tenant": .string("acme")]]])
        #expect(Gates.notes(host.jobName) == ["handler 1"])
    }
}
