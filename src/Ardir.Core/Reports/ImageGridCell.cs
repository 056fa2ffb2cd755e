namespace Ardir.Core;

/// <summary>A picture as a PNG data URI, its size in image pixels, and its caption.</summary>
internal sealed record ImageGridCell(string DataUri, int Width, int Height, string Caption)
{
    public static ImageGridCell Of(Tensor picture, string caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        var png = PngEncoder.Encode(picture);
        var uri = "data:image/png;base64," + Convert.ToBase64String(png);
        return new ImageGridCell(uri, (int)picture.shape[2], (int)picture.shape[1], caption);
    }
}
