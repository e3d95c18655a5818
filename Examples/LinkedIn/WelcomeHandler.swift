import Examples
import MillraceHandler
import MillraceTracing

/// A customer, new in the shop.
struct Customer: Decodable, Sendable {
    let name: String
    let country: String?
}

/// What the customer gets.
struct Letter: Encodable {
    let to: String
    let text: String
}

/// `welcome.letter`: a customer in, a letter out.
struct WelcomeHandler: SyncTypedJobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    func handle(_ customer: Customer, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let place = customer.country.map { " in \($0)" } ?? ""
        let letter = Letter(to: customer.name, text: "Welcome\(place), \(customer.name).")
        try context.publish(Publication(json: letter, routingKey: self.routingKey))
        return .ack
    }
}

/// The handlers of this program, with middleware around each: a span outermost, so that the log knows the trace.
let welcomePlugin = MillracePlugin(
    name: "welcome",
    middleware: [SpanMiddleware(), LoggingMiddleware(), MetricsMiddleware()],
    [.sync("welcome.letter", WelcomeHandler.self), .async("welcome.errand", ErrandHandler.self)]
)
