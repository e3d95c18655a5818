import AMQPClient
import AMQPWire
import ArgumentParser

struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish one message, or one per line of standard input, and wait for the broker's confirms.",
        discussion: """
            The body is --body, or all of standard input, or with --lines each line of it: the octets as they come, \
            without the newline. Ends with status 1 if the broker refused a message or no queue took it, 69 if it does \
            not answer, and with 130 or 143 by a signal; whatever ends it, it says how many messages are confirmed.
            """
    )

    @OptionGroup var broker: BrokerOptions

    @Option(help: "The exchange; empty is the default exchange, which routes to the queue named by the key.")
    var exchange = ""

    @Option(help: "The routing key.")
    var routingKey: String

    @Option(help: "The body of one message.")
    var body: String?

    @Flag(help: "One message per line of standard input.")
    var lines = false

    @OptionGroup(title: "Headers and properties of each message")
    var properties: PropertyOptions

    @Option(help: "Give up when the broker has confirmed nothing for so long, 1s to 24h; a number alone is seconds.")
    var timeout = DurationArgument(.seconds(60))

    func validate() throws {
        if self.lines, self.body != nil { throw ValidationError("--lines reads standard input; leave --body out") }
        if self.routingKey.utf8.count > 255 { throw ValidationError("--routing-key takes at most 255 octets") }
        if self.exchange.utf8.count > 255 { throw ValidationError("--exchange takes at most 255 octets") }
        if !(Duration.seconds(1)...Duration.seconds(86_400)).contains(self.timeout.duration) {
            throw ValidationError("--timeout takes a duration from 1s to 24h")
        }
    }

    func run() throws {
        let stop = try StopNote()  // before any thread exists, so that one thread alone gets the signals
        let publisher = try self.connect(to: self.broker.endpoints(), stop)
        do {
            try self.publishAll(with: publisher, until: stop)
        } catch {
            let end = (error as? OutputError).map(PublishEnd.input) ?? error as? PublishEnd
            let summary = publisher.summary
            publisher.close(within: .seconds(1))  // what is in no answer's way should go out
            throw end?.told(summary) ?? error
        }
        publisher.close()
        try StandardOutput.line("published \(Plural.of(publisher.sent, "message"))")
    }

    /// One after the other is tried; what the last one says is told.
    private func connect(to endpoints: [Endpoint], _ stop: StopNote) throws -> Publisher {
        var last = AMQPError(.invalidSettings, scope: .connection, text: "no broker is named")
        for endpoint in endpoints {
            do throws(AMQPError) {
                return try Publisher(
                    to: endpoint,
                    exchange: self.exchange,
                    routingKey: self.routingKey,
                    properties: self.properties.properties,
                    patience: self.timeout.duration,
                    stop: stop
                )
            } catch {
                last = error
            }
        }
        StandardError.write("\(last)")
        throw ExitCode.ofRequest(last)
    }

    private func publishAll(with publisher: Publisher, until stop: StopNote) throws {
        var input = StandardInput(until: stop)
        if let body = self.body {
            try publisher.publish(Array(body.utf8))
        } else if self.lines {
            // What was sent is settled before it waits for more: a line may be long in coming.
            while let line = try input.line(whenIdle: { try publisher.settle() }) { try publisher.publish(line) }
        } else if let all = try input.all() {
            try publisher.publish(all)
        }
        try publisher.throwIfStopped()
        try publisher.settle()
    }
}
