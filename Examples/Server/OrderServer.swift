import AMQPClient
import Logging
import MillraceClient
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// A web server that enqueues orders, and shows the invoices that handlers made of them.
///
///     AMQP_URL=amqp://localhost PORT=8080 millrace-server
@main
enum OrderServer {
    static func main() async throws {
        let logger = Logger(label: "server", factory: { StreamLogHandler.standardError(label: $0) })
        let broker = try Endpoint(uri: Environment.value("AMQP_URL") ?? "amqp://guest:guest@127.0.0.1:5672/%2F")
        let client = JobClient(
            to: [broker],
            options: JobClientOptions(connection: ConnectionOptions(name: "order server")),
            logger: logger
        )
        let results = Results()
        // Not the client's connection: a broker with an alarm reads nothing from one that publishes, acks included.
        let reading = RecoveringConnection(
            to: [broker],
            options: ConnectionOptions(name: "order server, results"),
            on: MultiThreadedEventLoopGroup.singleton,
            logger: logger
        )
        let routes = OrderRoutes(client: client, queue: "server.orders", results: results)
        // They end from the last to the first: no request comes any more when the client ends.
        let group = ServiceGroup(
            services: [
                client, ResultsService(connection: reading, queue: "server.invoices", results: results),
                WebService(port: Environment.value("PORT").flatMap(Int.init) ?? 8080, routes: routes, logger: logger),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        try await group.run()
    }
}
