/// Finds a plugin or a program from the folder of the job file that names it.
package enum PluginPath {
    /// The folder of a job file, as the file was named.
    package static func folder(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    package static func resolve(_ path: String, file: String) -> String {
        if path.hasPrefix("/") { return path }
        var relative = path[...]
        while relative.hasPrefix("./") {
            relative = relative.dropFirst(2).drop { $0 == "/" }
        }
        guard let slash = file.lastIndex(of: "/") else { return "./" + relative }
        return String(file[...slash]) + relative
    }
}
