import AMQPCore
package import Logging

extension Connection {
    /// Another connection to the same broker, with the same options.
    ///
    /// - Parameters:
    ///   - suffix: Of its name, for people who look at the broker.
    ///   - logger: Gets what is worth a line.
    /// - Returns: The open connection.
    /// - Throws: As ``connect(to:options:on:logger:delegate:)``.
    package func connectSibling(_ suffix: String, logger: Logger) throws(AMQPError) -> Connection {
        var options = self.options
        options.name += suffix
        return try Connection.connect(to: self.endpoint, options: options, on: self.eventLoop, logger: logger)
    }
}
