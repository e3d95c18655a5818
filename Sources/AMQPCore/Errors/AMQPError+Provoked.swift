package import AMQPWire

extension AMQPError {
    /// Whether one request can have made the broker end the whole connection: an argument, an option or an order of things
    /// that it does not take.
    ///
    /// Not 320, which an operator or a shutdown causes, nor anything that the network does.
    package var canBeProvoked: Bool {
        guard case .connection = self.scope else { return false }
        return switch self.code.rawValue {
        case 501...505, 530, 540, 541: !self.isAboutConnections
        default: false
        }
    }

    /// Whether the same request will do the same again: all but 541, which a broker that is in trouble gives too.
    package var isRefusalForGood: Bool {
        guard self.canBeProvoked else { return false }
        return self.code.rawValue != 541 || self.text.contains("deprecated") || self.text.contains("not permitted")
    }

    /// Whether the end came while this request was under way, and can be its doing.
    ///
    /// The broker blames a method, or none. It names no channel.
    ///
    /// - Parameters:
    ///   - request: What was asked last, without an answer.
    ///   - isClass: Whether any method of the same class is meant.
    /// - Returns: Whether it is a suspect.
    package func canBeDoing(of request: MethodID, orItsClass isClass: Bool = false) -> Bool {
        guard self.canBeProvoked else { return false }
        guard let blamed = self.method else { return true }
        return blamed == request || (isClass && blamed.classID == request.classID)
    }

    private var isAboutConnections: Bool {
        self.code.rawValue == 530 && (self.isTransient || self.channelLimit != nil)
    }

    /// How many channels the broker allows, where it ended the connection because one too many was opened.
    package var channelLimit: Int? {
        guard self.code.rawValue == 530, self.text.contains("number of channels opened"),
            let opening = self.text.lastIndex(of: "("), let closing = self.text.lastIndex(of: ")"), opening < closing
        else { return nil }
        return Int(self.text[self.text.index(after: opening)..<closing])
    }
}
