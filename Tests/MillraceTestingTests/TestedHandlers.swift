import MillraceHandler

/// Says hello, in as many ways as a handler can.
final class Greeting: SyncJobHandler {
    private let routingKey: String
    private let greeting: String
    private var greeted = 0

    init(_ options: HandlerOptions) throws {
        self.routingKey = try options.string("routing_key")
        self.greeting = try options.string("greeting", default: "hello")
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let name = message.bodyText else { return .reject("the name is not UTF-8") }
        self.greeted += 1
        context.log("greeting \(name)")
        context.count("greetings_total")
        context.record("name_octets", Double(message.byteCount))
        try context.publish(Array("\(self.greeting), \(name) (\(self.greeted))".utf8), routingKey: self.routingKey)
        switch name {
        case "nobody": return .discard("there is nobody")
        case "later": return .snooze(.milliseconds(1500))
        case "again": return .requeue
        case "stop": return .stop("no more greetings")
        case "busy": return context.holdJob(for: .seconds(30), reason: "429 from the mail service")
        case "broken": throw Broken()
        case "hopeless": throw Unrecoverable("nothing can help it")
        default: return .ack
        }
    }

    struct Broken: Error, CustomStringConvertible { var description: String { "the voice is gone" } }
}

/// Sleeps, looks or goes on, as its body says.
struct Sleeper: JobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let what = message.bodyText ?? ""
        context.log("begin \(what)")
        switch what {
        case "for ever": try await ContinuousClock().sleep(for: .seconds(3600))
        case "looks":
            var looks = 0
            while !context.isCancelled { looks += 1 }
            await Task.yield()
            return .retry("\(looks) looks, cancelled \(Task.isCancelled)")
        case "cancelled?": return Task.isCancelled && context.isCancelled ? .requeue : .ack
        default: await Task.yield()
        }
        try context.publish(Array(what.utf8), routingKey: "slept")
        context.log("end \(what)")
        return .ack
    }
}

struct Order: Codable, Equatable {
    var id: Int
    var customer: String
}

/// Passes an order on under another number.
struct Renumber: SyncTypedJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ order: Order, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(Publication(json: Order(id: order.id + 1, customer: order.customer), routingKey: "orders"))
        return .ack
    }
}

/// The same, waiting.
struct SlowRenumber: TypedJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ order: Order, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        try context.publish(Publication(json: Order(id: order.id + 1, customer: order.customer), routingKey: "orders"))
        return .ack
    }
}

/// Puts a batch into one write, which fails when a `poison` is in it.
struct Insert: BatchHandler {
    init(_ options: HandlerOptions) {}

    struct Failed: Error, CustomStringConvertible { var description: String { "the insert failed" } }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        context.log("a batch of \(batch.count)")
        context.count("rows_total", by: Double(batch.count))
        var verdicts = batch.verdicts()
        for index in batch.indices {
            let text = batch[index].bodyText
            try batch.context(at: index).publish(batch[index].bodyBytes, routingKey: "rows")
            batch.context(at: index).log("row \(text ?? "?")")
            if text == "bad" { verdicts[index] = .reject("no row") }
            if text == "poison" { throw Failed() }
        }
        if context.isCancelled { return verdicts.rest(.requeue) }
        return verdicts.rest(.ack)
    }
}

/// Adds a header to what is published, and rejects who has no tenant.
struct TenantMiddleware: SyncMiddleware, BatchMiddleware {
    private static func tenant(_ message: borrowing Message) -> String? {
        guard case .string(let tenant)? = message.header("tenant") else { return nil }
        return tenant
    }

    func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
        guard let tenant = Self.tenant(message) else { return .reject("no tenant") }
        return try await next(message, context.addingHeaders(["tenant": .string(tenant)]))
    }

    func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
        guard let tenant = Self.tenant(message) else { return .reject("no tenant") }
        return try next(message, context.addingHeaders(["tenant": .string(tenant)]))
    }

    func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        try next(batch, context, settling: { Self.tenant($0) == nil ? .reject("no tenant") : nil })
    }
}

/// Middleware that only knows how to wait, so that a handler beside it becomes one that waits.
struct PatientMiddleware: Middleware {
    func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
        await Task.yield()
        return try await next(message, context)
    }
}
