namespace Ardir.Core;

public sealed partial class ImageDataset
{
    /// <summary>
    /// Reads the cropped digits of SVHN: <c>train_32x32.mat</c>, <c>test_32x32.mat</c> or <c>extra_32x32.mat</c>. The images are streamed
    /// into one native tensor.
    /// </summary>
    /// <param name="folder">The folder with the files.</param>
    /// <param name="split">Which file to read.</param>
    /// <returns>
    /// Images uint8 [N,3,32,32] on the CPU (73,257, 26,032 or 531,131 in the published files; the last take 1.6 GB), labels the digits
    /// 0 to 9, owned by the caller.
    /// </returns>
    /// <exception cref="FileNotFoundException">The file is missing.</exception>
    /// <exception cref="DataFormatException">
    /// The file is damaged, is not a MATLAB 5 file, or does not hold X [32,32,3,N] and y [N,1].
    /// </exception>
    public static ImageDataset Svhn(string folder, Split split)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Enum.IsDefined(split)) throw new ArgumentOutOfRangeException(nameof(split), split, "split must be Train, Test or Extra.");
        var name = $"{split.ToString().ToLowerInvariant()}_32x32.mat";
        var path = Path.Combine(folder, name);
        if (!File.Exists(path)) throw new FileNotFoundException($"'{Path.GetFullPath(path)}' does not exist.", name);
        var (images, labels, file) = SvhnFile.Read(path);
        return new ImageDataset(images, labels, [.. Enumerable.Range(0, 10).Select(digit => digit.ToString())]) { Files = [file] };
    }
}
