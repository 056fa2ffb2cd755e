using System.Globalization;
using System.Text.RegularExpressions;

namespace Ardir.Samples;

/// <summary>What <c>--device</c> names.</summary>
internal static partial class ComputeDevice
{
    public static bool IsName(string text) => Name().IsMatch(text);

    /// <summary>The device, if this machine and the backend that the program was built with have it.</summary>
    public static Device Open(string name)
    {
        if (name == "cpu") return CPU;
        if (!cuda.is_available())
            throw new UsageException($"--device is '{name}', but no CUDA device can be used: none is there, "
                + "or the program was built with the CPU backend (docs/backends.md names the others).");
        var index = name.Length > 5 ? int.Parse(name[5..], CultureInfo.InvariantCulture) : 0;
        return index < cuda.device_count()
            ? device(name)
            : throw new UsageException($"--device is '{name}', but there are {cuda.device_count()} CUDA devices, counted from 0.");
    }

    [GeneratedRegex(@"^(?:cpu|cuda(?::[0-9]{1,3})?)\z", RegexOptions.NonBacktracking)]
    private static partial Regex Name();
}
