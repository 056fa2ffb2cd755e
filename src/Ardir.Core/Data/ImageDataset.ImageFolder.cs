namespace Ardir.Core;

public sealed partial class ImageDataset
{
    private static readonly string[] _pictures = [".png", ".jpg", ".jpeg"];

    /// <summary>
    /// Reads pictures (PNG, JPEG) from one folder per class. Classes are sorted by the code points of their names, and pictures within them
    /// by their paths.
    /// </summary>
    /// <remarks>
    /// SkiaSharp decodes the pictures. TorchSharp depends on it, but not on its native library for Linux, which is in the package
    /// SkiaSharp.NativeAssets.Linux.NoDependencies (needed in the version of SkiaSharp itself, which the exception names).
    /// The rotation that a camera notes in a picture (EXIF) is ignored. Other files are skipped, and so are files and folders whose names
    /// begin with a dot. Links are followed, except links to a folder that contains them.
    /// </remarks>
    /// <param name="folder">The folder that holds the classes' folders.</param>
    /// <param name="options">Channels and size; RGB in the original size when null.</param>
    /// <returns>Images uint8 [N,C,H,W] on the CPU, owned by the caller; class names are the folders' names.</returns>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="DataFormatException">
    /// There are no classes, a class has no pictures, a picture is damaged, or pictures differ in size and the options set none.
    /// </exception>
    /// <exception cref="NotSupportedException">SkiaSharp's native library is missing or of another version; nothing was read.</exception>
    public static ImageDataset ImageFolder(string folder, ImageFolderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new ImageFolderOptions();
        options.Validate();
        string[] classes =
        [
            .. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Where(IsVisible).Order(StringComparer.Ordinal),
        ];
        if (classes.Length == 0) throw new DataFormatException($"'{Path.GetFullPath(folder)}' holds no folders; expected one per class.");
        PictureDecoder.Ensure();
        var pictures = classes
            .SelectMany((name, label) => Pictures(Path.Combine(folder, name)).Select(path => (Path: path, Label: (long)label)))
            .ToList();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor? images = null;
        var files = new List<DataFile>(pictures.Count);
        for (var i = 0; i < pictures.Count; i++)
        {
            var content = PictureFile.ReadAll(pictures[i].Path);
            files.Add(DataFile.Of(pictures[i].Path, content));
            var (pixels, height, width) = Resized(PictureFile.Decode(pictures[i].Path, content, options.Channels), options);
            images ??= Room(folder, pictures.Count, options.Channels, height, width);
            if (height != images.shape[2] || width != images.shape[3])
                throw new DataFormatException(
                    $"{pictures[i].Path} is {height}x{width}, {pictures[0].Path} is {images.shape[2]}x{images.shape[3]}; "
                    + "set ImageFolderOptions.Height and Width to resize all.");
            pixels.CopyTo(images.bytes[(i * pixels.Length)..]);
        }
        var labels = tensor(pictures.Select(picture => picture.Label).ToArray(), device: CPU);
        return new ImageDataset(images!.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope(), classes) { Files = files };
    }

    private static List<string> Pictures(string folder)
    {
        var pictures = Walk(folder, [])
            .Where(path => _pictures.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)
            .ToList();
        return pictures.Count > 0
            ? pictures
            : throw new DataFormatException(
                $"'{Path.GetFullPath(folder)}' holds no PNG or JPEG files, so that its class would be empty.");
    }

    // A link to a folder that contains it would yield the same pictures again and again, until paths get too long. So the resolved folders
    // on the path from the class to here are kept, and a folder that is among them is not entered again.
    private static IEnumerable<string> Walk(string folder, List<string> above)
    {
        var real = RealPath.Of(folder);
        if (above.Contains(real, StringComparer.Ordinal)) return [];
        List<string> path = [.. above, real];
        return Directory.EnumerateFiles(folder)
            .Where(IsVisible)
            .Concat(Directory.EnumerateDirectories(folder).Where(IsVisible).SelectMany(inner => Walk(inner, path)));
    }

    // Names with a leading dot belong to systems and tools, not to the data: .git, .ipynb_checkpoints, the ._x.png that macOS writes.
    private static bool IsVisible(string path) => !Path.GetFileName(path).StartsWith('.');

    private static Tensor Room(string folder, int count, int channels, int height, int width)
    {
        var bytes = (long)channels * height * width * count;
        if (bytes > int.MaxValue)
            throw new DataFormatException(
                $"'{Path.GetFullPath(folder)}' holds {count} pictures of {height}x{width}, {bytes} bytes; at most {int.MaxValue} fit. "
                + "Set ImageFolderOptions.Height and Width to a smaller size.");
        return empty([count, channels, height, width], ScalarType.Byte, CPU);
    }

    private static (byte[] Pixels, int Height, int Width) Resized(
        (byte[] Pixels, int Height, int Width) picture, ImageFolderOptions options)
    {
        if (options is not { Height: { } height, Width: { } width } || (picture.Height, picture.Width) == (height, width)) return picture;
        using var scope = NewDisposeScope();
        var bytes = tensor(picture.Pixels, [1, options.Channels, picture.Height, picture.Width], ScalarType.Byte, CPU);
        var resized = nn.functional.interpolate(
            bytes.to(ScalarType.Float32), [height, width], mode: InterpolationMode.Bilinear, align_corners: false, antialias: true);
        return (HostRead.Array<byte>(resized.round().clamp(0, 255).to(ScalarType.Byte)), height, width);
    }
}
