/// One method of AMQP 0-9-1 with its arguments, as a value.
///
/// The types that conform are generated, one per method, from the specification.
public protocol AMQPMethod: Sendable, Equatable {
    /// The method's numbers.
    static var id: MethodID { get }
    /// Whether a content header and body frames follow it.
    static var hasContent: Bool { get }
    /// Reads the arguments; the class and method numbers have been read.
    ///
    /// - Throws: What is wrong with the octets.
    init(from reader: inout WireReader) throws(WireError)
    /// Writes the arguments, without the class and method numbers.
    ///
    /// - Throws: What cannot be written; a part of the arguments may have been written then.
    func encode(into buffer: inout WireBuffer) throws(WireError)
}
