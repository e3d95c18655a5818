/// Why octets could not be read as AMQP, or a value could not be written as AMQP.
///
/// On the reading side every one of them ends the connection: ``replyCode`` is what to say in `connection.close`.
/// On the writing side nothing has been sent: the value is refused before any octet of it reaches the wire.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The class of the problem, to branch on; ``WireError/message`` has the particulars.
    public enum Kind: Equatable, Sendable {
        /// A value runs past the end of the octets that hold it.
        case truncated
        /// A frame does not end with 0xCE.
        case frameEnd
        /// The first octet of a frame is none of 1, 2, 3, 8.
        case frameType
        /// A frame is larger than the negotiated frame-max, to read or to write (C20, C21).
        case frameTooLarge
        /// A short string is not UTF-8 (C27).
        case invalidUTF8
        /// No method has this class and method number (C28).
        case unknownMethod
        /// A field table holds a value with a type tag nobody defines (C29).
        case unknownFieldTag
        /// Field tables or arrays are nested deeper than ``FieldTable/maxDepth`` (C30).
        case tooDeep
        /// A value does not fit its 32-bit length field.
        case tooLarge
        /// Octets are left over after the last argument of a method.
        case trailing
        /// A short string of more than 255 octets was to be written (C27).
        case stringTooLong
        /// A content header is not one of class basic with weight 0 (C24).
        case badProperties
        /// Content was to be sent with a method that carries none.
        case notContent
    }

    /// The class of the problem.
    public let kind: Kind
    /// What was read or written, what is wrong with it, and where: one line, no message bodies.
    public let message: String

    /// Makes an error; `message` should name the thing and its place.
    ///
    /// - Parameters:
    ///   - kind: The class of the problem.
    ///   - message: One line for a log.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The code to close the connection with when a peer sent this.
    ///
    /// The codes are those RabbitMQ uses for the same offence, where it uses one: 501 for frames and values that cannot
    /// be read, 503 for an unknown method, 505 for a content header out of place, 541 for an unknown table tag.
    public var replyCode: ReplyCode {
        switch self.kind {
        case .truncated, .frameEnd, .frameType, .frameTooLarge, .invalidUTF8, .tooDeep, .tooLarge, .trailing,
            .stringTooLong:
            .frameError
        case .unknownMethod: .commandInvalid
        case .badProperties: .unexpectedFrame
        case .unknownFieldTag, .notContent: .internalError
        }
    }

    /// The reply code and the message: `501 FRAME_ERROR: queue.declare: …`.
    public var description: String { "\(self.replyCode): \(self.message)" }

    /// The same error, with the thing that was being read or written named in front.
    func naming(_ thing: String) -> WireError { WireError(self.kind, "\(thing): \(self.message)") }
}
