/// A body that is not what a handler asked for; thrown out of a handler it is a reject, since no retry can help.
public struct PayloadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The place in the document, `orders[3].price`, at most 300 characters; empty for the document itself.
    public let path: String
    /// What is wrong there, at most 300 characters: `expected a number, got a string`.
    public let reason: String

    /// Both, in one line.
    public var description: String { "\(self.path.isEmpty ? "payload" : self.path): \(self.reason)" }

    init(path: String = "", reason: String) {
        self.path = path.printable(limit: 300)
        self.reason = reason.printable(limit: 300)
    }

    init(_ error: any Error) {
        guard let error = error as? DecodingError else {
            self.init(reason: "\(error)")
            return
        }
        switch error {
        case .keyNotFound(let key, let context):
            self.init(path: CodingPath.text(context.codingPath + [key]), reason: "is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            self.init(path: CodingPath.text(context.codingPath), reason: context.debugDescription)
        @unknown default: self.init(reason: "\(error)")
        }
    }
}
