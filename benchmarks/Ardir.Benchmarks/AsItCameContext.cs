using System.Reflection;
using System.Runtime.Loader;

namespace Ardir.Benchmarks;

/// <summary>This assembly and the library once more, bound to the TorchSharp of the package instead of the repaired one beside this program.</summary>
internal sealed class AsItCameContext() : AssemblyLoadContext("TorchSharp as it came")
{
    private const string Folder = "without-remedy";

    /// <summary>Calls a static method of this program there; arguments and result must be types of the runtime.</summary>
    public static object? Call(Type type, string method, params object[] arguments) =>
        new AsItCameContext().LoadFromAssemblyPath(type.Assembly.Location).GetType(type.FullName!)!
            .GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.Invoke(null, arguments);

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var name = assemblyName.Name!;
        if (name == "TorchSharp") return LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, Folder, "TorchSharp.dll"));
        return name.StartsWith("Ardir.", StringComparison.Ordinal) ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, name + ".dll")) : null;
    }
}
