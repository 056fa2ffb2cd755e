using System.Reflection;
using SkiaSharp;

namespace Ardir.Core;

/// <summary>
/// Checks that SkiaSharp can decode pictures in this process. TorchSharp depends on SkiaSharp's managed assembly and on its native library
/// for Windows and macOS, but not on the native library for Linux.
/// </summary>
internal static class PictureDecoder
{
    private const string Decoder = "PNG and JPEG are decoded by SkiaSharp, whose native library";

    /// <summary>Throws unless the native library is present in a compatible version. Called before the first picture is read.</summary>
    /// <exception cref="NotSupportedException">The native library is missing or of another version.</exception>
    public static void Ensure() => Ensure(() => SkiaSharpVersion.CheckNativeLibraryCompatible(throwIfIncompatible: false));

    /// <summary>As the other overload, with <paramref name="isCompatible"/> as the check: tests replace it.</summary>
    public static void Ensure(Func<bool> isCompatible)
    {
        try
        {
            if (!isCompatible()) throw new NotSupportedException($"{Decoder} here is of another version than its assembly. {Advice}");
        }
        catch (Exception e) when (
            e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            throw new NotSupportedException($"{Decoder} (libSkiaSharp) cannot be loaded. {Advice}", e);
        }
    }

    // The assembly version (2.88.0.0) is the same for all packages 2.88.x; the file version is that of the package.
    private static string Version
    {
        get
        {
            var assembly = typeof(SKCodec).Assembly;
            var file = assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()?.Version;
            return (System.Version.TryParse(file, out var version) ? version : assembly.GetName().Version!).ToString(3);
        }
    }

    private static string Advice =>
        "Reference a package that carries it, in the version of SkiaSharp itself, in your program: on Linux "
        + $"<PackageReference Include=\"SkiaSharp.NativeAssets.Linux.NoDependencies\" Version=\"{Version}\" />.";
}
