import AMQPClient

/// What a command says: nothing else here writes to standard output.
enum StandardOutput {
    /// One line, whatever is in it.
    static func line(_ text: String) { print(PlainText.line(text)) }

    /// Lines that are made here, of parts that have been through `PlainText`.
    static func block(_ text: String, terminator: String = "\n") {
        print(PlainText.block(text), terminator: terminator)
    }
}
