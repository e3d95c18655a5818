import AMQPClient
import AMQPWire

/// A copy that a supervisor has in hand between two queues.
struct HeldCopy {
    let tag: UInt64
    let body: [UInt8]
    let properties: BasicProperties
    /// Whether nobody but us can have written its headers.
    let isOurs: Bool

    /// How often the broker has given it out.
    private static let counts = ["x-delivery-count", "x-acquired-count"]

    /// Whether a queue of a type and limit that only the broker knows may soon throw it out.
    ///
    /// It counts supervisors that ended; a successor counts from the beginning.
    static func isWorn(_ properties: BasicProperties) -> Bool {
        (properties.headers?["x-delivery-count"]?.intValue ?? 0) >= WearLimit.ofUnknownQueue
    }

    /// What its successor is published with.
    ///
    /// - Parameters:
    ///   - note: Of the stage that it goes into; nil on its way home.
    ///   - user: Who we are for the broker; nil if that is not known.
    /// - Returns: Everything that it had, but for the note of the stage that it leaves.
    func properties(_ note: DelayNote?, user: String?) -> BasicProperties {
        var properties = self.properties
        var headers = properties.headers ?? FieldTable()
        DelayNote.remove(from: &headers)
        note?.write(to: &headers)
        for header in MessageCopy.ofOnePublish + Self.counts { headers[header] = nil }
        properties.headers = headers
        properties.userID = self.isOurs ? user : nil
        return properties
    }
}
