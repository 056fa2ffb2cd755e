using System.Reflection;
using SkiaSharp;

namespace Ardir.Core;

/// <summary>
/// Whether SkiaSharp can decode here: TorchSharp brings its managed half, and the native half for Windows and macOS,
/// but not the one for Linux.
/// </summary>
internal static class PictureDecoder
{
    private const string Decoder = "PNG and JPEG are decoded by SkiaSharp, whose native library";

    /// <summary>Throws unless the native library is there and fits. Asked before the first picture is read.</summary>
    public static void Ensure() => Ensure(() => SkiaSharpVersion.CheckNativeLibraryCompatible(throwIfIncompatible: false));

    /// <summary>As above, with the question put by <paramref name="isCompatible"/>.</summary>
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

    // The assembly's own version (2.88.0.0) is the same for all of 2.88 and names no package; the version of its file does.
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
