import AMQPCore
package import Logging

/// A handler whose lines hold nothing that a terminal obeys, whatever it gets.
package protocol PlainLineHandler: LogHandler {}

/// Hands events on to another handler as plain text: most handlers write what they get as it is.
struct PlainLogHandler: PlainLineHandler {
    private var next: any LogHandler

    init(_ next: any LogHandler) { self.next = next }

    var metadata: Logger.Metadata {
        get { self.next.metadata }
        set { self.next.metadata = newValue }
    }
    var metadataProvider: Logger.MetadataProvider? {
        get { self.next.metadataProvider }
        set { self.next.metadataProvider = newValue }
    }
    var logLevel: Logger.Level {
        get { self.next.logLevel }
        set { self.next.logLevel = newValue }
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.next[metadataKey: key] }
        set { self.next[metadataKey: key] = newValue.map(Self.plain) }
    }

    func log(event: LogEvent) {
        var plain = event
        plain.message = "\(PlainText.line("\(event.message)"))"
        plain.metadata = event.metadata?.mapValues(Self.plain)
        self.next.log(event: plain)
    }

    private static func plain(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        switch value {
        case _ where value.isNumberOrFlag: value
        case .string(let text): .string(PlainText.line(text))
        case .stringConvertible(let other): .string(PlainText.line("\(other)"))
        case .array(let values): .array(values.map(Self.plain))
        case .dictionary(let values): .dictionary(values.mapValues(Self.plain))
        }
    }
}

extension Logger {
    /// The same logger, fit for what strangers say.
    package var plain: Logger {
        if self.handler is any PlainLineHandler { return self }
        var logger = self
        logger.handler = PlainLogHandler(self.handler)
        return logger
    }
}
