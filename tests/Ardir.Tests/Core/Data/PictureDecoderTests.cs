using Ardir.Core;
using SkiaSharp;

namespace Ardir.Tests;

public sealed class PictureDecoderTests
{
    [Fact]
    public void Ensure_WithTheLibrary_IsSilent() => FluentActions.Invoking(PictureDecoder.Ensure).Should().NotThrow();

    public static TheoryData<Exception> Failures => new()
    {
        new DllNotFoundException("libSkiaSharp"), new EntryPointNotFoundException("sk_version_get_milestone"), new BadImageFormatException("32 bits"),
        new TypeInitializationException("SkiaSharp.SKData", new DllNotFoundException("libSkiaSharp")),
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Ensure_WithoutTheLibrary_NamesThePackageInTheVersionOfSkiaSharp(Exception failure)
    {
        var thrown = FluentActions.Invoking(() => PictureDecoder.Ensure(() => throw failure)).Should().Throw<NotSupportedException>().Which;
        thrown.InnerException.Should().BeSameAs(failure);
        thrown.Message.Should().Contain($"\"SkiaSharp.NativeAssets.Linux.NoDependencies\" Version=\"{PackageVersion()}\"");
    }

    [Fact]
    public void Ensure_WithALibraryOfAnotherVersion_SaysSo() =>
        FluentActions.Invoking(() => PictureDecoder.Ensure(() => false)).Should().Throw<NotSupportedException>().WithMessage($"*another version*{PackageVersion()}*");

    // The package's version as restored, from the list of dependencies beside the tests.
    private static string PackageVersion()
    {
        var dependencies = File.ReadAllText(Path.ChangeExtension(typeof(PictureDecoderTests).Assembly.Location, ".deps.json"));
        var version = System.Text.RegularExpressions.Regex.Match(dependencies, "\"SkiaSharp/(?<version>[0-9.]+)\"", System.Text.RegularExpressions.RegexOptions.NonBacktracking).Groups["version"].Value;
        typeof(SKCodec).Assembly.GetName().Version!.ToString().Should().NotBe(version, "an assembly's version is no package's here");
        return version;
    }
}
