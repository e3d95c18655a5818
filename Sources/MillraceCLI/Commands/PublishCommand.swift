import AMQPClient
import AMQPWire
import ArgumentParser
import Glibc
import NIOPosix

struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish one message, or one per line of standard input, and wait for the broker's confirms.",
        discussion: """
            The body is --body, or all of standard input, or with --lines each line of it. Ends with status 1 if the \
            broker refused a message or no queue took it.
            """
    )

    @Option(help: "The broker: amqp://user:password@host:port/vhost, or amqps:// for TLS. Default: $AMQP_URL.")
    var uri: String?

    @Option(help: "The exchange; empty is the default exchange, which routes to the queue named by the key.")
    var exchange = ""

    @Option(help: "The routing key.")
    var routingKey: String

    @Option(help: "The messages' content type.")
    var contentType: String?

    @Option(help: "The body of one message.")
    var body: String?

    @Flag(help: "One message per line of standard input.")
    var lines = false

    @Flag(help: "Let a restart of the broker lose the messages (delivery-mode 1).")
    var transient = false

    func validate() throws {
        if self.lines, self.body != nil { throw ValidationError("--lines reads standard input; leave --body out") }
        if self.routingKey.utf8.count > 255 { throw ValidationError("--routing-key takes at most 255 octets") }
        if self.exchange.utf8.count > 255 { throw ValidationError("--exchange takes at most 255 octets") }
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        do throws(AMQPError) {
            try self.publishAll()
        } catch {
            StandardError.write("\(error)")
            throw ExitCode(error.scope == .connection ? 69 : 1)
        }
    }

    private func publishAll() throws(AMQPError) {
        let address = self.uri ?? getenv("AMQP_URL").map { String(cString: $0) } ?? "amqp://localhost"
        let endpoint = try Endpoint(uri: address)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var options = ConnectionOptions()
        options.name = "millrace publish"
        let connection = try Connection.connect(
            to: endpoint,
            options: options,
            on: group,
            logger: LoggingOptions.errors
        )
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.contentType = self.contentType
        properties.deliveryMode = self.transient ? 1 : 2
        var count = 0
        func publish(_ body: [UInt8]) throws(AMQPError) {
            try channel.publish(
                body,
                exchange: self.exchange,
                routingKey: self.routingKey,
                properties: properties,
                mandatory: true
            )
            count += 1
            if channel.unconfirmedCount >= 1000 { try self.awaitConfirms(channel, atMost: 500) }
        }
        if let body = self.body {
            try publish(Array(body.utf8))
        } else if self.lines {
            while let line = readLine(strippingNewline: true) { try publish(Array(line.utf8)) }
        } else {
            try publish(StandardInput.readAll())
        }
        try self.awaitConfirms(channel, atMost: 0)
        connection.close()
        StandardOutput.line("published \(count) messages")
    }

    private func awaitConfirms(_ channel: Channel, atMost pending: Int) throws(AMQPError) {
        let failed = try channel.awaitConfirms(timeout: .seconds(60))
        for message in channel.takeReturnedMessages().prefix(1) {
            let text = "no queue takes routing key '\(message.routingKey)' of exchange '\(message.exchange)'"
            throw AMQPError(message.code, scope: .call, text: text)
        }
        guard failed.isEmpty else {
            throw AMQPError(
                .refusedLocally,
                scope: .call,
                text: "the broker refused \(failed.count) messages (basic.nack)"
            )
        }
    }
}
