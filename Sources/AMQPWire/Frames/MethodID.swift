/// The two numbers that say which method a method frame carries.
///
/// Prints as `basic.deliver`, or `60.99` if unknown.
@frozen
public struct MethodID: Hashable, Sendable, CustomStringConvertible {
    /// The number of the class: 60 for `basic`.
    public let classID: UInt16
    /// The number of the method in its class: 60 for `deliver`.
    public let methodID: UInt16

    /// Makes an identifier, of a known method or not.
    @inlinable
    public init(classID: UInt16, methodID: UInt16) {
        self.classID = classID
        self.methodID = methodID
    }

    /// Both numbers in one, the class in the upper half.
    @inlinable var combined: UInt32 { UInt32(self.classID) << 16 | UInt32(self.methodID) }

    /// The specification's name, `queue.declare-ok`, or the numbers with a dot between them.
    public var description: String { self.specName ?? "\(self.classID).\(self.methodID)" }
}
