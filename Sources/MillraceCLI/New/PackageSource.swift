import Glibc

/// Where a new package has Millrace from.
enum PackageSource: Equatable {
    /// A clone on this machine, by its whole path.
    case folder(String)
    /// The address of one.
    case address(String)

    /// Nil if it is not there.
    ///
    /// - Parameter text: As it was given; nil for the clone that this command was built from.
    init?(_ text: String?) {
        if let text, text.contains("://") || (text.contains("@") && text.contains(":")) {
            self = .address(text)
            return
        }
        guard let path = text ?? Self.built, let whole = realpath(path, nil) else { return nil }
        defer { free(whole) }
        let folder = String(cString: whole)
        guard access("\(folder)/Package.swift", R_OK) == 0 else { return nil }
        self = .folder(folder)
    }

    /// The root of the sources, as the compiler saw this file.
    private static let built: String? = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count > 4 ? parts.dropLast(4).joined(separator: "/") : nil
    }()

    /// As a manifest has it.
    var dependency: String {
        switch self {
        case .folder(let path): ".package(name: \"millrace\", path: \"\(Self.quoted(path))\")"
        case .address(let address): ".package(url: \"\(Self.quoted(address))\", branch: \"main\")"
        }
    }

    private static func quoted(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1 == "\\" || $1 == "\"" ? "\\\($1)" : "\($1)" }
    }
}
